

xPlaceholder

yIdentityx"Ãêhidden