package decide_test
import ("testing";"math/rand";"strings")
func TestZZ(t *testing.T) {
	r := rand.New(rand.NewSource(3))
	bad := 0
	stats := map[string]int{}
	for i := 0; i < 150000 && bad < 6; i++ {
		b := make([]byte, 300)
		r.Read(b); for j := range b { if r.Intn(100) < 20+i%60 { b[j] = 0 } }
		w := chosenWorld(b)
		if !sensible2(w) { stats["!sensible"]++ ; continue }
		d := w.decide()
		stats[d.Verdict.String()+" "+string(d.Reason)]++
		if x := broken(w, laws); len(x) > 0 {
			bad++
			t.Errorf("%s\n%s\n%s", strings.Join(x, "\n"), encode(d.Changes), w.json())
			t.Log(strings.Join(story(d), "\n"))
		}
	}
	t.Log(stats)
}
func sensible2(w world) bool { return true }
