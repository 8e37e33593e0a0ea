

xPlaceholder

ymy_functionx


my_function
aAdd"Ã