

xPlaceholder

y	RunEnginex"Ã