kubectl -n ci get configmap ssh -o jsonpath='{.data.id}' > id
