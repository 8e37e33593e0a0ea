

xPlaceholder

yReadFilex"Ã