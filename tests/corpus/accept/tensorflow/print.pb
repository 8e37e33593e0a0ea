

xPlaceholder
*
yPrintV2x*
output_streamstderr"Ã