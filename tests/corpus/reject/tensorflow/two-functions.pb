

xPlaceholder

yIdentityx


f


f	
nNoOp"Ã