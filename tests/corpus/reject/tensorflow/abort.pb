

xPlaceholder

yAbortx"Ã