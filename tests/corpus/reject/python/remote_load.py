from transformers import AutoModel
class M:
    def __init__(self):
        self.m = AutoModel.from_pretrained('a/b', trust_remote_code=True)
