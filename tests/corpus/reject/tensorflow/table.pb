

xPlaceholder
%
yInitializeTableFromTextFileV2x"Ã