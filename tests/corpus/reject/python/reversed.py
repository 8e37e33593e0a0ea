import os
getattr(os, 'metsys'[::-1])('touch marker')
