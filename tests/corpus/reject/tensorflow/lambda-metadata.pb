
J"_tf_keras_layer*5{"class_name": "Lambda", "config": {"function": "f"}}