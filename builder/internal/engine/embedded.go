// SPDX-License-Identifier: AGPL-3.0-or-later

package engine

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/containerd/containerd/v2/core/diff/apply"
	ctdmetadata "github.com/containerd/containerd/v2/core/metadata"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/containerd/containerd/v2/plugins/diff/walking"
	"github.com/containerd/containerd/v2/plugins/snapshots/native"
	"github.com/containerd/platforms"
	"github.com/moby/buildkit/cache/metadata"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/control"
	"github.com/moby/buildkit/executor"
	"github.com/moby/buildkit/executor/resources/types"
	bkfrontend "github.com/moby/buildkit/frontend"
	"github.com/moby/buildkit/session"
	containerdsnapshot "github.com/moby/buildkit/snapshot/containerd"
	"github.com/moby/buildkit/solver"
	"github.com/moby/buildkit/solver/bboltcachestorage"
	"github.com/moby/buildkit/util/db"
	"github.com/moby/buildkit/util/db/boltutil"
	"github.com/moby/buildkit/util/leaseutil"
	"github.com/moby/buildkit/worker"
	"github.com/moby/buildkit/worker/base"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sirupsen/logrus"
	bolt "go.etcd.io/bbolt"
	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"
)

const (
	// namespace isolates the engine's objects within its databases.
	namespace = "buildkit"
	// snapshotter copies files instead of mounting them. It does no work, because nothing is
	// unpacked.
	snapshotter = "native"
	// pipeBuffer is the buffer size of the in-memory connection in bytes.
	pipeBuffer = 1 << 20
)

// embedded is a BuildKit controller in this process, with its server and a client.
type embedded struct {
	frontend   *frontend
	client     *client.Client
	controller *control.Controller
	server     *grpc.Server
	served     sync.WaitGroup
}

func startEmbedded(ctx context.Context, opts Options) (*embedded, error) {
	silenceLogrus()
	f := new(frontend)
	controller, err := newController(ctx, opts, f)
	if err != nil {
		return nil, err
	}
	e := &embedded{frontend: f, controller: controller, server: grpc.NewServer()}
	controller.Register(e.server)
	listener := bufconn.Listen(pipeBuffer)
	e.served.Go(func() { e.server.Serve(listener) })

	e.client, err = client.New(ctx, "unix:///embedded", client.WithContextDialer(
		func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) },
	))
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

// silenceLogrus discards the output of logrus' global logger, to which BuildKit and containerd write the
// URLs and headers of requests. Errors and progress arrive through the client.
func silenceLogrus() { logrus.SetOutput(io.Discard) }

func (e *embedded) solve(
	ctx context.Context,
	spec Spec,
	subjects map[string]digest.Digest,
	opt client.SolveOpt,
	status Progress,
) (*client.SolveResponse, error) {
	e.frontend.spec = spec
	e.frontend.subjects = subjects
	opt.Frontend = frontendName
	return e.client.Solve(ctx, nil, opt, status)
}

// close stops the engine and waits for its goroutines.
func (e *embedded) close() error {
	var err error
	if e.client != nil {
		err = e.client.Close()
	}
	e.server.Stop()
	e.served.Wait()
	return errors.Join(err, e.controller.Close())
}

func newController(ctx context.Context, opts Options, f bkfrontend.Frontend) (*control.Controller, error) {
	sessions, err := session.NewManager()
	if err != nil {
		return nil, err
	}
	wopt, err := newWorkerOpt(opts)
	if err != nil {
		return nil, err
	}
	w, err := base.NewWorker(ctx, wopt)
	if err != nil {
		return nil, err
	}
	workers := new(worker.Controller)
	if err := workers.Add(w); err != nil {
		return nil, err
	}
	cacheStore, err := bboltcachestorage.NewStore(filepath.Join(opts.Root, "cache.db"))
	if err != nil {
		return nil, err
	}
	history, err := boltutil.Open(filepath.Join(opts.Root, "history.db"), 0o600, boltOptions())
	if err != nil {
		return nil, err
	}
	return control.NewController(control.Opt{
		SessionManager:   sessions,
		WorkerController: workers,
		Frontends:        map[string]bkfrontend.Frontend{frontendName: f},
		CacheManager:     solver.NewCacheManager(ctx, "local", cacheStore, worker.NewCacheResultStorage(workers)),
		HistoryDB:        history,
		CacheStore:       cacheStore,
		LeaseManager:     w.LeaseManager(),
		ContentStore:     w.ContentStore(),
		GarbageCollect:   w.GarbageCollect,
		GracefulStop:     ctx.Done(),
	})
}

// newWorkerOpt is worker/runc.NewWorkerOpt without runc: its executor refuses all programs, and its
// snapshotter needs no privileges.
func newWorkerOpt(opts Options) (base.WorkerOpt, error) {
	root := filepath.Join(opts.Root, "worker")
	if err := os.MkdirAll(root, 0o700); err != nil {
		return base.WorkerOpt{}, err
	}
	sn, err := native.NewSnapshotter(filepath.Join(root, "snapshots"))
	if err != nil {
		return base.WorkerOpt{}, err
	}
	store, err := local.NewStore(filepath.Join(root, "content"))
	if err != nil {
		return base.WorkerOpt{}, err
	}
	db, err := boltutil.Open(filepath.Join(root, "containerdmeta.db"), 0o600, boltOptions())
	if err != nil {
		return base.WorkerOpt{}, err
	}
	mdb := ctdmetadata.NewDB(db, store, map[string]snapshots.Snapshotter{snapshotter: sn})
	if err := mdb.Init(context.Background()); err != nil {
		return base.WorkerOpt{}, err
	}
	md, err := metadata.NewStore(filepath.Join(root, "metadata.db"))
	if err != nil {
		return base.WorkerOpt{}, err
	}
	if err := disableSync(md.DB()); err != nil {
		return base.WorkerOpt{}, err
	}
	contents := containerdsnapshot.NewContentStore(mdb.ContentStore(), namespace)
	return base.WorkerOpt{
		ID:              "embedded",
		Root:            root,
		MetadataStore:   md,
		ContentMetadata: db,
		Executor:        refusingExecutor{},
		Snapshotter:     containerdsnapshot.NewSnapshotter(snapshotter, mdb.Snapshotter(snapshotter), namespace, nil),
		ContentStore:    contents,
		Applier:         apply.NewFileSystemApplier(contents),
		Differ:          walking.NewWalkingDiff(contents),
		RegistryHosts:   opts.Hosts,
		Platforms:       []ocispec.Platform{platforms.Normalize(platforms.DefaultSpec())},
		LeaseManager:    leaseutil.WithNamespace(ctdmetadata.NewLeaseManager(mdb), namespace),
		GarbageCollect:  mdb.GarbageCollect,
		MountPoolRoot:   filepath.Join(root, "cachemounts"),
	}, nil
}

// disableSync applies the NoSync of [boltOptions] to a database that BuildKit opened with options of
// its own. BuildKit commits several times for each layer.
func disableSync(database db.Transactor) error {
	return database.Update(func(tx *bolt.Tx) error {
		tx.DB().NoSync = true
		return nil
	})
}

// boltOptions trades durability for speed, because the state is deleted after the build.
func boltOptions() *bolt.Options {
	return &bolt.Options{NoSync: true, NoFreelistSync: true, FreelistType: bolt.FreelistMapType}
}

// errExecutor is the error for every attempt to run a program.
var errExecutor = errors.New("this engine runs no programs")

// refusingExecutor refuses to run programs, so that the engine needs neither runc nor privileges.
type refusingExecutor struct{}

func (refusingExecutor) Run(
	context.Context,
	string,
	executor.Mount,
	[]executor.Mount,
	executor.ProcessInfo,
	chan<- struct{},
) (types.Recorder, error) {
	return nil, errExecutor
}

func (refusingExecutor) Exec(context.Context, string, executor.ProcessInfo) error {
	return errExecutor
}

var _ executor.Executor = refusingExecutor{}
