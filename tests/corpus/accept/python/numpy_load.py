import numpy as np
TABLE = np.load('table.npy')
