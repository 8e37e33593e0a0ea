

xPlaceholder

y	RpcClientx"Ã