from pathlib import Path
Path('marker').write_text('x')
