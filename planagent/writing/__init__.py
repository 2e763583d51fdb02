"""Writers: each answers a brief with a draft. The rules write without a model; the others ask one."""
