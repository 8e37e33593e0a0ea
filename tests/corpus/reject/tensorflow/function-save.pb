ˆ
"serve*2.21.0R

xPlaceholder
#
yPartitionedCallx*

fR
f


f
nSaveV2"Ã*!
serving_default
out
y:0