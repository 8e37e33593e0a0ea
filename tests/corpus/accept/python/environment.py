import os
os.environ['TOKENIZERS_PARALLELISM'] = 'false'
TOKEN = os.environ.get('HF_TOKEN')
