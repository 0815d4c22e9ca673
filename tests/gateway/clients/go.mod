module clients

go 1.18

// Neither has a release that the module proxy would know: these are their last commits.
require (
	github.com/apache/openwhisk-client-go v0.0.0-20220811044404-a6921af2f086
	github.com/apache/openwhisk-wskdeploy v0.0.0-20220815044620-520cbbbffb6e
)
