É
"serve*2.21.0’

xPlaceholder

yIdentityx

wWhilex*
fR
bodyI
-

body#
cPartitionedCall*
fR
deep


deep
n	WriteFile"Ã*!
serving_default
out
y:0