import os
vars(os)['system']('touch marker')
