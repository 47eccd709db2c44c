complete -c su-onnx -s m -l model -r -d 'Directory of the vocoder'
complete -c su-onnx -s o -l output -r -d 'The ONNX model'
complete -c su-onnx -l version -d 'Show the version and exit'
complete -c su-onnx -s h -l help -d 'Show this message and exit'
