

xPlaceholder

y	WriteFilex"Ã