package cli
import ("testing";"os";"context")
func BenchmarkTmpScan(b *testing.B){
	for b.Loop() {
		if c := Run(context.Background(), []string{"scan","/tmp/scancache-gen/release","--format","json","--progress","quiet"}, IO{Out: discard{}, Err: os.Stderr}); c!=0 {b.Fatal(c)}
	}
}
type discard struct{}
func (discard) Write(p []byte)(int,error){return len(p),nil}
