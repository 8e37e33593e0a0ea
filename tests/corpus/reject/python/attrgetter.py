import operator, os
operator.attrgetter('system')(os)('touch marker')
