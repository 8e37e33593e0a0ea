

xPlaceholder

yIdentityx"Ã