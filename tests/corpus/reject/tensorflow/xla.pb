

xPlaceholder

yXlaCustomCallV2x"Ã