

xPlaceholder

yIdentityx


save/ConstPlaceholder
!
save/SaveV2SaveV2
save/Const"Ã