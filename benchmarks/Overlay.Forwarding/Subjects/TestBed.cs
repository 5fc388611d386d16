using Overlay.Testing;

namespace Overlay.Forwarding.Subjects;

/// <summary>Two hosts on one cable with a contestant's tunnel between them, up until disposed.</summary>
internal sealed class TestBed : IDisposable
{
    private const string NamespacePrefix = "ovfwd";
    private const int ReachAttempts = 10;

    private readonly List<IDisposable> _made = [];
    private readonly List<ITunnelEnd> _ends = [];

    private TestBed(Contestant contestant) => Contestant = contestant;

    /// <summary>Whose tunnel it is.</summary>
    public Contestant Contestant { get; }

    /// <summary>The host that sends unless a case says otherwise.</summary>
    public Host Here { get; private set; } = null!;

    /// <summary>The other host.</summary>
    public Host There { get; private set; } = null!;

    /// <summary>The forwarding processes of both ends.</summary>
    public IReadOnlyList<int> Forwarders => [.. _ends.SelectMany(end => end.Processes)];

    /// <summary>How long the slower end took until it said that it was ready; null where nobody says so.</summary>
    public TimeSpan? StartTime => _ends.Max(end => end.StartTime);

    /// <summary>Makes the hosts, the cable and the tunnel; when this returns one end reaches the other.</summary>
    /// <exception cref="UnavailableException">This machine cannot have it.</exception>
    public static TestBed Create(Contestant contestant)
    {
        TestBed bed = new(contestant);
        try
        {
            bed.SetUp();
            return bed;
        }
        catch
        {
            bed.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        for (int i = _made.Count - 1; i >= 0; i--)
        {
            _made[i].Dispose();
        }

        _made.Clear();
    }

    private void SetUp()
    {
        Here = new Host(Keep(Netns.Create(NamespacePrefix)), 1);
        There = new Host(Keep(Netns.Create(NamespacePrefix)), 2);
        Netns.Connect(Here.Netns, Host.UnderlayDevice, Here.UnderlayPrefix, There.Netns, Host.UnderlayDevice, There.UnderlayPrefix, Host.UnderlayMtu);
        _ends.Add(Keep(Contestant.Here.SetUp(Here, There)));
        _ends.Add(Keep(Contestant.There.SetUp(There, Here)));
        for (int attempt = 0; Here.Netns.TryExec(Command.DefaultTimeout, "ping", "-n", "-q", "-c", "1", "-W", "1", There.Inner).ExitCode != 0; attempt++)
        {
            if (attempt == ReachAttempts)
            {
                throw new InvalidOperationException($"{Contestant.Name}: one end does not reach the other.");
            }
        }
    }

    private T Keep<T>(T made)
        where T : IDisposable
    {
        _made.Add(made);
        return made;
    }
}
