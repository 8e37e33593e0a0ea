‹
"serve*2.21.0U

xPlaceholder
#
yPartitionedCallx*

fR
f


f
n	WriteFile"Ã*!
serving_default
out
y:0