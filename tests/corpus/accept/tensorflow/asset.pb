š
"serve*2.21.0P

xPlaceholder

yIdentityx
%
tInitializeTableFromTextFileV2x"Ã*!
serving_default
out
y:02

x:0	vocab.txt