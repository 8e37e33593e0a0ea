

xPlaceholder
1
yPrintV2x* 
output_streamfile://marker"Ã