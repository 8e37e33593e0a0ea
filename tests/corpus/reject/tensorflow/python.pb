

xPlaceholder

yEagerPyFuncx"Ã