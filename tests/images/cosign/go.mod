module cosign

go 1.22

require github.com/sigstore/cosign/v2 v2.4.3
