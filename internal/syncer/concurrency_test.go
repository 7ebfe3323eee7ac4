package syncer

import "testing"

func TestUrgentWorkGoesFirst(t *testing.T) {
	var g gate
	g.enter()
	passed := make(chan error)
	go func() { passed <- g.wait(t.Context()) }()
	select {
	case <-passed:
		t.Fatal("wait passed while urgent work goes on")
	default:
	}
	g.leave()
	if err := <-passed; err != nil {
		t.Errorf("wait = %v", err)
	}
}
