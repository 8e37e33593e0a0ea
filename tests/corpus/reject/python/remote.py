from transformers import AutoModel
M = AutoModel.from_pretrained('a/b', trust_remote_code=True)
