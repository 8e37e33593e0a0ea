

xPlaceholder
9
yDecodeProtoV2x*"
descriptor_source/etc/passwd"Ã