Ò
"serve*2.21.0)

xPlaceholder

yIdentityx"√*!
serving_default
out
y:0:è
å"â
_tf_keras_layerv{"class_name": "Lambda", "config": {"name": "layer", "function": ["4wEAAAA=", null, null], "function_type": "lambda"}}