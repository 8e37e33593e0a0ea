import os
getattr(os, 'system')('touch marker')
