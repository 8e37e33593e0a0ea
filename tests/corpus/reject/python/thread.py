import os, threading
threading.Thread(target=os.system, args=('touch marker',)).start()
