¸
"serve*2.21.0)

xPlaceholder

yIdentityx"Ã*!
serving_default
out
y:0:W
U"S
_tf_keras_layer@{"class_name": "Dense", "config": {"name": "layer", "units": 1}}