v
"serve*2.21.0)

xPlaceholder

yIdentityx"Ã*!
serving_default
out
y:0

w	WriteFile"Ã