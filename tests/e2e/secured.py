"""A broker that lets nobody in without TLS and a password, and the certificates for it: made for one test each."""

import datetime
import ipaddress
import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from infra.config import LOOPBACK, Config
from infra.native.jars import JarStore, Layout
from infra.native.java import JAVA_ENVIRONMENT, java_command, write_log4j, write_properties
from infra.native.kafka import broker_properties, cluster_id
from infra.native.lock import read_lock
from infra.native.process import Command, Daemon

USER, PASSWORD = "hedgehog", "of the broker 7"
LISTENER = "listener.name.secured"


class Certificates:
    """A CA of its own and a certificate of it for this machine, as files in a folder."""

    def __init__(self, folder: Path) -> None:
        self.ca_file, self.server_file = folder / "ca.pem", folder / "server.pem"
        ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        ca = _certificate("CA of a test", ca_key.public_key(), "CA of a test", ca_key, is_ca=True)
        server = _certificate("localhost", key.public_key(), "CA of a test", ca_key, is_ca=False)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.ca_file.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
        self.server_file.write_bytes(private + server.public_bytes(serialization.Encoding.PEM))


def _certificate(
    name: str, key: ec.EllipticCurvePublicKey, signer: str, signing: ec.EllipticCurvePrivateKey, is_ca: bool
) -> x509.Certificate:
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    named = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)]) for text in (name, signer)]
    builder = x509.CertificateBuilder(*reversed(named), key, x509.random_serial_number(), now - day, now + day)
    signed_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key())
    hosts = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(LOOPBACK))]
    builder = builder.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    builder = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    builder = builder.add_extension(signed_by, critical=False)
    return builder.sign(signing, hashes.SHA256())


def secured_properties(config: Config, home: Path, certificates: Certificates) -> dict[str, object]:
    """The settings of one broker all of whose clients come by TLS, with a name and a password by SCRAM or PLAIN."""
    port, controller = config.port("kafka"), config.port("kafka_controller")
    plain = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    return broker_properties(config, home / "data") | {
        "listeners": f"SECURED://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller}",
        "advertised.listeners": f"SECURED://{LOOPBACK}:{port}",
        "listener.security.protocol.map": "SECURED:SASL_SSL,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "SECURED",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        f"{LISTENER}.sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
        f"{LISTENER}.scram-sha-512.sasl.jaas.config": scram,
        f"{LISTENER}.plain.sasl.jaas.config": (
            f'{plain} username="{USER}" password="{PASSWORD}" user_{USER}="{PASSWORD}";'
        ),
        f"{LISTENER}.ssl.keystore.type": "PEM",
        f"{LISTENER}.ssl.keystore.location": certificates.server_file,
        f"{LISTENER}.ssl.truststore.type": "PEM",
        f"{LISTENER}.ssl.truststore.location": certificates.ca_file,
    }


@contextmanager
def secured_broker(config: Config, home: Path, certificates: Certificates) -> Iterator[None]:
    """Such a broker at the port of the configuration's own, until the context is left."""
    store = JarStore(config.cache_dir)
    store.ensure(read_lock(), print)
    layout = store.layout(read_lock())
    properties = write_properties(home / "server.properties", secured_properties(config, home, certificates))
    _format(properties, layout)
    flags = [f"-Dlog4j2.configurationFile={write_log4j(home / 'log4j2.properties')}", "-Djava.awt.headless=true"]
    argv = java_command(["kafka.Kafka", str(properties)], 384, flags, layout.kafka_classpath)
    daemon = Daemon("secured", home / "run", home / "logs")
    daemon.start(Command(argv, home, JAVA_ENVIRONMENT))
    try:
        yield
    finally:
        daemon.stop(signal.SIGTERM, 30)


def _format(properties: Path, layout: Layout) -> None:
    scram = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
    cluster = f"--cluster-id={cluster_id(uuid.uuid4())}"
    main = ["kafka.tools.StorageTool", "format", cluster, "-c", str(properties), "--add-scram", scram]
    argv = java_command(main, 128, ["-XX:+UseSerialGC"], layout.kafka_classpath)
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
