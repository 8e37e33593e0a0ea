

xPlaceholder
!
yTFText>WhitespaceTokenizex"Ã