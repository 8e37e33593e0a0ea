import operator, os
operator.methodcaller('system', 'touch marker')(os)
