().__class__.__base__.__subclasses__()[100]('x')
