import os
getattr(os, 'sys' + 'tem')('touch marker')
