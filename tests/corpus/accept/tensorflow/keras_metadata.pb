
8
root.layer"_tf_keras_layer*{"class_name": "Dense"}