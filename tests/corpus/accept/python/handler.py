from transformers import pipeline


class EndpointHandler:
    def __init__(self, path=""):
        self.pipe = pipeline("text-generation", model=path)

    def __call__(self, data):
        return self.pipe(data["inputs"])
