"""A SLURM of two nodes on this machine, for as long as the tests run."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import psutil

NODES = ("127.0.0.1", "127.0.0.2")  # names that resolve, as those of a cluster do
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel")
SECONDS = 30
CONFIG = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=10
SlurmUser={user}
SlurmdUser={user}
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=1
SlurmdParameters=config_overrides
SchedulerParameters=bf_interval=2,sched_interval=2
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=30
MinJobAge=3600
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
NodeName=DEFAULT CPUs=8 RealMemory=8000
NodeName={nodes[0]} NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} Weight=2
NodeName={nodes[1]} NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} Weight=1
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=urgent Nodes=ALL PriorityTier=10 MaxTime=INFINITE State=UP
"""  # cred_expire is also the time, else two minutes, after which a requeued job starts


def missing() -> list[str]:
    """Programs of SLURM's that are not installed; Debian has them in slurm-wlm and munge."""
    return [name for name in PROGRAMS if _find(name) is None]


class Cluster:
    """Daemons that listen on loopback only, and are this process's children.

    `environment` is what a command needs to find them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf")}
        self._daemons: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Raises TimeoutError, with the end of the logs, where the nodes are not ready in time."""
        folder = self.folder
        (folder / "state").mkdir()
        key = folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        ports = _free_ports(3)
        host, user = socket.gethostname().split(".")[0], getpass.getuser()
        config = CONFIG.format(folder=folder, host=host, user=user, ports=ports, nodes=NODES)
        (folder / "slurm.conf").write_text(config, encoding="utf-8")
        munge = ["--foreground", "--force", f"--socket={folder}/munge.socket", f"--key-file={key}"]
        munge += [f"--{name}-file={folder}/munge.{name}" for name in ("log", "pid", "seed")]
        self._daemon("munged", *munge)
        wait_for((folder / "munge.socket").exists, SECONDS)
        self._daemon("slurmctld", "-D", "-f", str(folder / "slurm.conf"))
        for node in NODES:
            self._daemon("slurmd", "-D", "-f", str(folder / "slurm.conf"), "-N", node)
        try:
            wait_for(lambda: self.nodes("idle") == set(NODES), SECONDS)
        except TimeoutError as error:
            logs = "\n".join(log.read_text(errors="replace")[-2000:] for log in folder.glob("*.log"))
            raise TimeoutError(f"no two idle nodes after {SECONDS} s; the logs end with\n{logs}") from error

    def stop(self) -> None:
        """End all jobs, then the daemons, then what a daemon that broke has left."""
        with suppress(subprocess.TimeoutExpired, TimeoutError):
            mine = f"--user={getpass.getuser()}"
            self.run("scancel", mine, "--state=PENDING", check=False)
            self.run("scancel", mine, "--signal=KILL", "--full", check=False)
            wait_for(lambda: not self.run("squeue", "--noheader", check=False), SECONDS)
        for daemon in reversed(self._daemons):
            daemon.terminate()
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        for process in self._of_jobs():
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def _of_jobs(self) -> list[psutil.Process]:
        """Processes that SLURM has started: their environment names this one's configuration."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("SLURM_CONF") == self.environment["SLURM_CONF"]:
                    found.append(process)
        return found

    def run(self, *command: str, check: bool = True) -> str:
        """What a command of SLURM's prints."""
        ended = subprocess.run(
            command,
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if check and ended.returncode:
            raise RuntimeError(f"{' '.join(command)}: {ended.stderr}")
        return ended.stdout

    def nodes(self, state: str) -> set[str]:
        """Those in a state, such as idle or down."""
        return set(
            self.run("sinfo", "--noheader", "--Node", f"--states={state}", "--format=%N", check=False).split()
        )

    def about(self, job: str) -> Mapping[str, str]:
        """What `scontrol show job` says: JobState, Restarts, ExitCode, ..."""
        words = self.run("scontrol", "--oneliner", "show", "job", job).splitlines()[0].split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def wait(self, job: str, *states: str, seconds: float = 240) -> Mapping[str, str]:
        """Wait until a job is in one of these states, and tell `about` it."""
        wait_for(lambda: self.about(job)["JobState"] in states, seconds)
        return self.about(job)

    def _daemon(self, name: str, *arguments: str) -> None:
        program = _find(name)
        assert program is not None, name
        with (self.folder / f"{name}.log").open("ab") as log:
            self._daemons.append(subprocess.Popen([program, *arguments], stdout=log, stderr=log))


def wait_for(happened: Callable[[], bool], seconds: float) -> None:
    """Raises TimeoutError if it has not happened after so many seconds."""
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            raise TimeoutError(f"it did not happen within {seconds:.0f} s")
        time.sleep(0.3)


def _free_ports(number: int) -> list[int]:
    """All open at once, so that they differ."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _find(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin{os.pathsep}/sbin")
