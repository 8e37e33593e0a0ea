import yaml
OPTIONS = yaml.load('a: 1', Loader=yaml.SafeLoader)
