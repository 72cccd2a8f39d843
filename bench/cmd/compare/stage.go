package main

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"text/template"
	"time"

	"github.com/usher-id/usher/bench/internal/report"
)

const (
	startTime = 15 * time.Second // for a process to answer
	stopTime  = 15 * time.Second // for a process to end after SIGTERM

	redirect = "http://127.0.0.1:5555/callback" // recognised by the load generator, never called
)

//go:embed usher.yaml
var usherConfig string

// pinning says on which core the brokers run and on which everything else does.
type pinning bool

// cores reports whether processes can be pinned here: two cores and taskset.
func cores() pinning {
	_, err := exec.LookPath("taskset")
	return pinning(err == nil && runtime.NumCPU() >= 2)
}

// String is the pinning as printed.
func (p pinning) String() string {
	if p {
		return "brokers on core 0, the rest on core 1"
	}
	return "not pinned (taskset and two cores are needed)"
}

// Cores.
const (
	coreBroker = "0"
	coreRest   = "1"
)

// stage is where the processes of a run live.
type stage struct {
	ctx   context.Context
	bin   string // the programs
	dir   string // databases, configuration and logs
	cores pinning
	procs []*process
}

// process is a program that was started.
type process struct {
	cmd *exec.Cmd
	log *os.File
}

// broker is a broker that is running.
type broker struct {
	name   string
	issuer string
	secret string
	extra  string // authorize parameters only it needs
	pid    int
}

// set starts the outside provider and both brokers.
func (s *stage) set() ([]broker, error) {
	upstream, err := s.freeAddr("127.0.0.2") // another host, so that cookies stay apart
	if err != nil {
		return nil, err
	}
	if _, err := s.start("mockidp", coreRest, "-addr", upstream); err != nil {
		return nil, err
	}
	if err := s.await("http://" + upstream); err != nil {
		return nil, err
	}
	secret := rand.Text()
	usher, err := s.startUsher("http://"+upstream, secret)
	if err != nil {
		return nil, err
	}
	floor, err := s.startFloor("http://"+upstream, secret)
	if err != nil {
		return nil, err
	}
	return []broker{usher, floor}, errors.Join(s.await(usher.issuer), s.await(floor.issuer))
}

func (s *stage) startUsher(upstream, secret string) (broker, error) {
	addr, err := s.freeAddr("127.0.0.1")
	if err != nil {
		return broker{}, err
	}
	b := broker{name: "usher", issuer: "http://" + addr, secret: secret, extra: "idp_hint=mock"}
	file := filepath.Join(s.dir, "usher.yaml")
	var text strings.Builder
	err = template.Must(template.New("").Option("missingkey=error").Parse(usherConfig)).Execute(&text, map[string]string{
		"Issuer": b.issuer, "Listen": addr, "Data": s.dir, "Upstream": upstream, "UpstreamSecret": rand.Text(),
		"Redirect": redirect, "Secret": secret,
	})
	if err != nil {
		return b, err
	}
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		return b, err
	}
	b.pid, err = s.start("usher", coreBroker, "serve", "--config", file)
	return b, err
}

func (s *stage) startFloor(upstream, secret string) (broker, error) {
	addr, err := s.freeAddr("127.0.0.1")
	if err != nil {
		return broker{}, err
	}
	b := broker{name: "floor", issuer: "http://" + addr, secret: secret}
	b.pid, err = s.start("floor", coreBroker, "-addr", addr, "-upstream", upstream,
		"-file", filepath.Join(s.dir, "floor.db"), "-secret", secret, "-redirect", redirect)
	return b, err
}

// start runs a program on a core, its output in a log file, and gives its process id.
func (s *stage) start(name, core string, args ...string) (int, error) {
	log, err := os.Create(filepath.Join(s.dir, name+".log"))
	if err != nil {
		return 0, err
	}
	cmd := s.command(name, core, args...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, s.dir
	if err := cmd.Start(); err != nil {
		return 0, errors.Join(err, log.Close())
	}
	s.procs = append(s.procs, &process{cmd, log})
	return cmd.Process.Pid, nil
}

// command is a program of ours with one processor. taskset replaces itself by
// the program, so the process id is the program's.
func (s *stage) command(name, core string, args ...string) *exec.Cmd {
	path := filepath.Join(s.bin, name)
	if s.cores {
		path, args = "taskset", append([]string{"-c", core, path}, args...)
	}
	// Not CommandContext: strike ends processes with SIGTERM, in its own time.
	cmd := exec.Command(path, args...) //nolint:gosec,noctx // our own programs, in the folder that -bin names
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	return cmd
}

// await returns when an issuer answers with its discovery document.
func (s *stage) await(issuer string) error {
	ctx, cancel := context.WithTimeout(s.ctx, startTime)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, issuer+"/.well-known/openid-configuration", nil)
		if err != nil {
			return err
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			if res.Body.Close(); res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s did not answer within %v; its log says why", issuer, startTime)
		case <-tick.C:
		}
	}
}

// strike ends every process and says which did not end by themselves.
func (s *stage) strike() error {
	var errs []error
	for _, p := range s.procs {
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may be gone already
	}
	for _, p := range s.procs {
		kill := time.AfterFunc(stopTime, func() { _ = p.cmd.Process.Kill() })
		_ = p.cmd.Wait() // the exit status of a process told to stop says nothing
		if !kill.Stop() {
			errs = append(errs, fmt.Errorf("%s had to be killed", p.cmd.Args))
		}
		errs = append(errs, p.log.Close())
	}
	return errors.Join(errs...)
}

// load is one run of the load generator against a broker.
func (s *stage) load(o options, b broker, mode string) (report.Run, error) {
	cmd := s.command("loadgen", coreRest, "-issuer", b.issuer, "-client-secret", b.secret, "-extra", b.extra, "-redirect-uri", redirect,
		"-mode", mode, "-users", strconv.Itoa(o.users), "-duration", o.duration.String(), "-proc", fmt.Sprintf("%s=%d", b.name, b.pid))
	var said strings.Builder
	cmd.Stderr = &said
	stop := context.AfterFunc(s.ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	out, err := cmd.Output()
	if err != nil {
		return report.Run{}, fmt.Errorf("%s, %s logins: %w\n%s", b.name, mode, err, said.String())
	}
	var r report.Run
	err = json.Unmarshal(out, &r)
	return r, err
}

// freeAddr is an address of the host that nobody listens on at the moment.
func (s *stage) freeAddr(host string) (string, error) {
	ln, err := (&net.ListenConfig{}).Listen(s.ctx, "tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}
