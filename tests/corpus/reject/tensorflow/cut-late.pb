

xPlaceholder

w	WriteFile"Ã
