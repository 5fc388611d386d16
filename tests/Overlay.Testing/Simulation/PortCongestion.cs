namespace Overlay.Testing.Simulation;

/// <summary>Whether a port takes nothing for a moment, as a device whose queue is full: shorter or longer than a worker's patience.</summary>
internal sealed class PortCongestion(SimulatedWorld world, SimulationRandom random, double share)
{
    private const int LongestMoment = 9;

    private long _until;

    public bool IsBlocked
    {
        get
        {
            if (world.Clock.Now >= _until && random.Hits(share))
            {
                _until = world.Clock.Now + random.Between(1, LongestMoment);
            }

            return world.Clock.Now < _until;
        }
    }
}
