module github.com/BobuSumisu/aho-corasick

go 1.26.8

require github.com/petar-dambovaliev/aho-corasick v0.0.0-20250424160509-463d218d4745
